import org.example.camera.CameraReceiver;

/** The receiver that is shipped as an example for Android: {@code java SamplePhone URL CA.pem}. */
public final class SamplePhone {
    private SamplePhone() {}

    public static void main(String[] args) throws Exception {
        new CameraReceiver(
                Trust.client(args[1]),
                args[0],
                (x, y, z) -> System.out.println("position " + x + " " + y + " " + z));
    }
}
