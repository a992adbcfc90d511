package parthenon.connect;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.sparkproject.connect.grpc.Metadata;
import org.sparkproject.connect.grpc.ServerCall;
import org.sparkproject.connect.grpc.ServerCallHandler;
import org.sparkproject.connect.grpc.ServerInterceptor;
import org.sparkproject.connect.grpc.Status;

/** Refuses the calls of whoever does not know the secret: other sessions reach this machine's ports, too. */
public class SecretInterceptor implements ServerInterceptor {
    static final Metadata.Key SECRET =
        Metadata.Key.of("x-parthenon-secret", Metadata.ASCII_STRING_MARSHALLER);

    private final byte[] secret;

    SecretInterceptor(String secret) {
        this.secret = secret.getBytes(StandardCharsets.UTF_8);
    }

    public ServerCall.Listener interceptCall(ServerCall call, Metadata headers, ServerCallHandler next) {
        String given = (String) headers.get(SECRET);
        if (given != null && MessageDigest.isEqual(secret, given.getBytes(StandardCharsets.UTF_8))) {
            headers.discardAll(SECRET);
            return next.startCall(call, headers);
        }
        call.close(Status.UNAUTHENTICATED.withDescription("This port is the server's alone; see GetSessionEndpoint."),
            new Metadata());
        return new Silence();
    }

    /** Of a call that is over before it has begun. */
    private static class Silence extends ServerCall.Listener {
    }
}
