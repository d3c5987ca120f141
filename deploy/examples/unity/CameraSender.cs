// Sends the position of this object to a camera room, ten times a second, with WebSocketSharp.
//
// 1. Put websocket-sharp.dll under Assets/Plugins and this file under Assets.
// 2. Add the component to the camera of the headset (or to any object that moves).
// 3. Set Url to an address that camrelay prints when it starts, with wss:// and /ws/camera.
// 4. For a server with a development certificate: take camrelay_development.crt from the folder of
//    the "authority" that camrelay prints, put it under Assets as camrelay.bytes, and drop it on
//    Certificate.

using System;
using System.Collections;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using UnityEngine;
using WebSocketSharp;
using Random = UnityEngine.Random;

public class CameraSender : MonoBehaviour
{
    public string Url = "wss://localhost:8443/ws/camera";
    public string Id = "camera-1";
    public TextAsset Certificate;

    const float SecondsBetweenPositions = 0.1f;

    WebSocket socket;
    // Written by WebSocketSharp's threads, read by Unity's.
    volatile bool closed;
    volatile bool sending;

    IEnumerator Start()
    {
        var pause = new WaitForSeconds(SecondsBetweenPositions);
        while (true)
        {
            Connect();
            while (!closed)
            {
                SendPosition();
                yield return pause;
            }
            // A random delay, so that not all headsets reconnect at once after a restart.
            yield return new WaitForSeconds(Random.Range(1f, 3f));
        }
    }

    // A new WebSocket each time: one object stops connecting after ten failures.
    void Connect()
    {
        closed = sending = false;
        socket = new WebSocket(Url);
        if (socket.IsSecure)
        {
            // Assets can be read only here, in Unity's thread; the callback runs in another one.
            var key = Certificate == null ? null : PublicKey(new X509Certificate(Certificate.bytes));
            socket.SslConfiguration.EnabledSslProtocols = SslProtocols.Tls12;
            // By default, WebSocketSharp trusts every server.
            socket.SslConfiguration.ServerCertificateValidationCallback =
                (sender, shown, chain, errors) => IsTrusted(shown, errors, key);
        }
        socket.OnOpen += (sender, e) => Debug.Log("camrelay: connected");
        socket.OnError += (sender, e) => Debug.LogWarning("camrelay: " + e.Message);
        socket.OnClose += (sender, e) =>
        {
            Debug.Log("camrelay: closed " + e.Code + " " + e.Reason);
            closed = true;
        };
        // Connect() would block Unity's main thread until the server answers.
        socket.ConnectAsync();
    }

    void SendPosition()
    {
        // While the last position is on its way, a newer one would only queue behind it.
        if (sending || socket.ReadyState != WebSocketState.Open)
            return;
        var pose = new Pose
        {
            x = transform.position.x,
            y = transform.position.y,
            z = transform.position.z,
            rotation = transform.rotation,
            id = Id,
        };
        try
        {
            sending = true;
            socket.SendAsync(JsonUtility.ToJson(pose), done => sending = false);
        }
        catch (InvalidOperationException)
        {
            // The connection closed between the check and the send: OnClose is called.
            sending = false;
        }
    }

    // Accepts what the system trusts, and the server with the same public key as our certificate:
    // the key does not change when the certificate is renewed. (Mono cannot verify a chain of
    // ECDSA certificates itself.)
    static bool IsTrusted(X509Certificate shown, SslPolicyErrors errors, string key)
    {
        if (errors == SslPolicyErrors.None || PublicKey(shown) == key)
            return true;
        Debug.LogWarning("camrelay: not a certificate to trust (" + errors + "), see Certificate");
        return false;
    }

    static string PublicKey(X509Certificate certificate)
    {
        return certificate.GetKeyAlgorithm() + certificate.GetPublicKeyString();
    }

    void OnDestroy()
    {
        if (socket != null)
            socket.CloseAsync(CloseStatusCode.Normal);
    }

    // What goes over the wire; JsonUtility writes the fields as they are named here.
    [Serializable]
    struct Pose
    {
        public float x, y, z;
        public Quaternion rotation;
        public string id;
    }
}
