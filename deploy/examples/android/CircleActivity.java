package org.example.camera;

import android.app.Activity;
import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Paint;
import android.os.Bundle;
import android.view.View;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;

/** A red circle where the camera is, seen from above: x to the right, z upwards. */
public final class CircleActivity extends Activity {
    private static final String URL = "wss://192.168.1.20:8443/ws/camera";

    private final OkHttpClient client =
            new OkHttpClient.Builder().pingInterval(20, TimeUnit.SECONDS).build();
    private CircleView circle;
    private CameraReceiver receiver;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        circle = new CircleView(this);
        setContentView(circle);
    }

    @Override
    protected void onStart() {
        super.onStart();
        receiver =
                new CameraReceiver(
                        client, URL, (x, y, z) -> runOnUiThread(() -> circle.moveTo(x, z)));
    }

    @Override
    protected void onStop() {
        receiver.close();
        super.onStop();
    }

    private static final class CircleView extends View {
        private static final float PIXELS_PER_METRE = 100;
        private static final float RADIUS = 30;

        private final Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
        private float right;
        private float up;

        CircleView(Context context) {
            super(context);
            paint.setColor(Color.RED);
        }

        void moveTo(double x, double z) {
            right = (float) x * PIXELS_PER_METRE;
            up = (float) z * PIXELS_PER_METRE;
            invalidate();
        }

        @Override
        protected void onDraw(Canvas canvas) {
            canvas.drawCircle(getWidth() / 2f + right, getHeight() / 2f - up, RADIUS, paint);
        }
    }
}
