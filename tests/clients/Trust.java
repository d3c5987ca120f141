import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import okhttp3.OkHttpClient;

/** What the network security configuration does on a phone. */
final class Trust {
    private Trust() {}

    /** A client that trusts what the authority in the PEM file signed, and nothing else. */
    static OkHttpClient client(String pem) throws Exception {
        X509TrustManager trust = manager(pem);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, new X509TrustManager[] {trust}, null);
        return new OkHttpClient.Builder().sslSocketFactory(tls.getSocketFactory(), trust).build();
    }

    private static X509TrustManager manager(String pem) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream file = new FileInputStream(pem)) {
            CertificateFactory reader = CertificateFactory.getInstance("X.509");
            store.setCertificateEntry("authority", reader.generateCertificate(file));
        }
        TrustManagerFactory factory =
                TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return (X509TrustManager) factory.getTrustManagers()[0];
    }
}
