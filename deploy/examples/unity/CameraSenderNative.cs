// Sends the position of this object to a camera room, ten times a second, with NativeWebSocket.
//
// For WebGL, and for projects that have NativeWebSocket already (Package Manager, "Add package from
// git URL", the repository endel/NativeWebSocket). It trusts what the device trusts: a server with a
// development certificate needs CameraSender.cs, or its authority installed on the device.

using System;
using System.Threading.Tasks;
using NativeWebSocket;
using UnityEngine;
using Random = UnityEngine.Random;

public class CameraSenderNative : MonoBehaviour
{
    public string Url = "wss://localhost:8443/ws/camera";
    public string Id = "camera-1";

    const float SecondsBetweenPositions = 0.1f;

    WebSocket socket;
    bool destroyed;

    async void Start()
    {
        InvokeRepeating(nameof(SendPosition), 0f, SecondsBetweenPositions);
        while (!destroyed)
        {
            socket = new WebSocket(Url);
            socket.OnOpen += () => Debug.Log("camrelay: connected");
            socket.OnError += message => Debug.LogWarning("camrelay: " + message);
            socket.OnClose += code => Debug.Log("camrelay: closed " + (int)code);
            // Returns when the connection has ended.
            await socket.Connect();
            // A random delay, so that not all headsets reconnect at once after a restart.
            await Task.Delay(Random.Range(1000, 3000));
        }
    }

    async void SendPosition()
    {
        if (socket == null || socket.State != WebSocketState.Open)
            return;
        var pose = new Pose
        {
            x = transform.position.x,
            y = transform.position.y,
            z = transform.position.z,
            rotation = transform.rotation,
            id = Id,
        };
        await socket.SendText(JsonUtility.ToJson(pose));
    }

    void Update()
    {
#if !UNITY_WEBGL || UNITY_EDITOR
        // Not needed since version 2, but harmless.
        socket?.DispatchMessageQueue();
#endif
    }

    async void OnDestroy()
    {
        destroyed = true;
        if (socket != null && socket.State == WebSocketState.Open)
            await socket.Close();
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
