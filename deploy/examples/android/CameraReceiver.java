package org.example.camera;

import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Follows a camera room over OkHttp (3.13 or newer) and connects again whenever the connection is
 * lost. The last position of every camera comes at once after connecting.
 */
public final class CameraReceiver extends WebSocketListener {
    /** What to do with a position. Called on a thread of OkHttp: use runOnUiThread to draw. */
    public interface Target {
        void moveTo(double x, double y, double z);
    }

    /** Close codes from 4100 to 4199 say that coming back without a change would not help. */
    private static final int MUST_NOT_RETURN = 4100;

    private final OkHttpClient client;
    private final Request request;
    private final Target target;
    private final ScheduledThreadPoolExecutor timer =
            new ScheduledThreadPoolExecutor(1, new ThreadPoolExecutor.DiscardPolicy());
    private WebSocket socket;

    /**
     * Receives from the first moment on.
     *
     * @param client one for the whole app; a pingInterval of 20 seconds finds out that the Wi-Fi is
     *     gone before the user does
     * @param url wss://HOST:8443/ws/camera or .../ws/camera/ROOM
     */
    public CameraReceiver(OkHttpClient client, String url, Target target) {
        this.client = client;
        this.request = new Request.Builder().url(url).build();
        this.target = target;
        connect();
    }

    /** Stop for good, for example in onStop of the activity. */
    public synchronized void close() {
        timer.shutdownNow();
        socket.close(1000, null);
    }

    private synchronized void connect() {
        if (!timer.isShutdown()) {
            socket = client.newWebSocket(request, this);
        }
    }

    @Override
    public void onMessage(WebSocket socket, String text) {
        try {
            JSONObject position = new JSONObject(text);
            target.moveTo(
                    position.getDouble("x"), position.getDouble("y"), position.getDouble("z"));
        } catch (JSONException error) {
            // camrelay passes on finite numbers only; another server may not.
            System.err.println("not a position: " + text);
        }
    }

    @Override
    public void onClosing(WebSocket socket, int code, String reason) {
        // Without this answer OkHttp would never get to onClosed.
        socket.close(1000, null);
    }

    @Override
    public void onClosed(WebSocket socket, int code, String reason) {
        if (code < MUST_NOT_RETURN) {
            connectLater();
        }
    }

    @Override
    public void onFailure(WebSocket socket, Throwable error, Response response) {
        System.err.println("camrelay: " + error);
        connectLater();
    }

    /** In one to three seconds: not all phones at once, when the server was restarted. */
    private void connectLater() {
        long milliseconds = ThreadLocalRandom.current().nextLong(1000, 3000);
        timer.schedule(this::connect, milliseconds, TimeUnit.MILLISECONDS);
    }
}
