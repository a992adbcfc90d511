package parthenon.s3;

import com.amazonaws.AmazonClientException;
import com.amazonaws.auth.AWSCredentials;
import com.amazonaws.auth.AWSCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.auth.BasicSessionCredentials;
import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;

/** The session's keys for S3A, which asks for them at each request: `fs.s3a.aws.credentials.provider`. */
public final class SessionCredentialsProvider implements AWSCredentialsProvider {
    /** Hadoop's configuration names the file by this. */
    static final String FILE = "parthenon.s3.keys.file";

    private final String file;

    /** Called by S3A. */
    public SessionCredentialsProvider(URI bucket, Configuration configuration) {
        this.file = configuration.get(FILE);
    }

    public AWSCredentials getCredentials() {
        try {
            SessionKeys keys = SessionKeys.now(file);
            return keys.sessionToken == null
                ? (AWSCredentials) new BasicAWSCredentials(keys.accessKeyId, keys.secretAccessKey)
                : new BasicSessionCredentials(keys.accessKeyId, keys.secretAccessKey, keys.sessionToken);
        } catch (IOException error) {
            throw new AmazonClientException("The session's keys cannot be read: " + error.getMessage(), error);
        }
    }

    public void refresh() {}
}
