package parthenon.s3;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;

/** The session's keys for Iceberg's S3FileIO, which has the other AWS SDK: `client.credentials-provider`. */
public final class IcebergCredentialsProvider implements AwsCredentialsProvider {
    private final String file;

    private IcebergCredentialsProvider(String file) {
        this.file = file;
    }

    /**
     * Called by Iceberg.
     *
     * @param properties of the catalog whose names begin with `client.credentials-provider.`, without that
     */
    public static IcebergCredentialsProvider create(Map properties) {
        return new IcebergCredentialsProvider((String) properties.get("file"));
    }

    public AwsCredentials resolveCredentials() {
        try {
            SessionKeys keys = SessionKeys.now(file);
            return keys.sessionToken == null
                ? (AwsCredentials) AwsBasicCredentials.create(keys.accessKeyId, keys.secretAccessKey)
                : AwsSessionCredentials.create(keys.accessKeyId, keys.secretAccessKey, keys.sessionToken);
        } catch (IOException error) {
            throw new UncheckedIOException("The session's keys cannot be read", error);
        }
    }
}
