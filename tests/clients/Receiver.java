import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * The phone of a camera room as it is in use: OkHttp, one listener, getDouble of each coordinate.
 *
 * <p>{@code java Receiver URL CA.pem [TEXT COUNT]} prints a line for everything that happens to it,
 * and sends TEXT as often as COUNT says once it is connected.
 */
public final class Receiver extends WebSocketListener {
    private final String text;
    private final int count;

    private Receiver(String text, int count) {
        this.text = text;
        this.count = count;
    }

    public static void main(String[] args) throws Exception {
        boolean sends = args.length == 4;
        Receiver receiver = new Receiver(sends ? args[2] : "", sends ? Integer.parseInt(args[3]) : 0);
        Request request = new Request.Builder().url(args[0]).build();
        Trust.client(args[1]).newWebSocket(request, receiver);
    }

    @Override
    public void onOpen(WebSocket socket, Response response) {
        System.out.println("open");
        for (int sent = 0; sent < count; sent++) {
            socket.send(text);
        }
    }

    @Override
    public void onMessage(WebSocket socket, String message) {
        try {
            JSONObject position = new JSONObject(message);
            double x = position.getDouble("x");
            double y = position.getDouble("y");
            double z = position.getDouble("z");
            System.out.println("position " + x + " " + y + " " + z);
        } catch (JSONException error) {
            System.out.println("parse error " + error.getMessage());
        }
    }

    @Override
    public void onClosing(WebSocket socket, int code, String reason) {
        System.out.println("closing " + code + " " + reason);
        socket.close(1000, null);
    }

    @Override
    public void onClosed(WebSocket socket, int code, String reason) {
        System.out.println("closed " + code);
        System.exit(0);
    }

    @Override
    public void onFailure(WebSocket socket, Throwable error, Response response) {
        System.out.println("failure " + error + (response == null ? "" : " " + response.code()));
        System.exit(1);
    }
}
