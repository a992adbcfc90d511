package parthenon.s3;

import com.amazonaws.AmazonClientException;
import com.amazonaws.AmazonServiceException;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.model.ObjectMetadata;
import com.amazonaws.services.s3.model.PutObjectRequest;
import com.amazonaws.services.s3.model.S3Object;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.s3a.S3AFileSystem;
import org.apache.hadoop.fs.s3a.S3AUtils;
import org.apache.hadoop.fs.store.audit.AuditSpan;
import org.apache.hadoop.io.IOUtils;

/**
 * An object that S3 writes only on a condition, so that of several writers at most one succeeds:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 *
 * All goes by the session's own S3A, hence with its endpoint, keys and encryption. S3A 3.3 has no such write, but gives
 * its client and makes its requests.
 */
public final class ConditionalObject {
    /** Told from a writer's own object when S3's reply to it was lost and the SDK wrote again. */
    private static final String ATTEMPT = "parthenon-attempt";

    /** S3 answers 409 while another conditional write or a deletion of the same key is under way. */
    private static final int LONGEST_CONFLICT = 10;
    private static final long CONFLICT_WAIT_MILLIS = 100;

    /** File systems, by scheme and bucket, whose store was seen to honour conditions. A JVM knows one store. */
    private static final ConcurrentHashMap TRUSTED = new ConcurrentHashMap();

    private final S3AFileSystem fileSystem;
    private final Path path;
    private final String key;

    /**
     * @param path of the object, with its scheme
     * @throws ConditionsNotHonoured when the store, asked once for each bucket, does not make such writes
     */
    public ConditionalObject(Path path, Configuration configuration) throws IOException {
        FileSystem found = path.getFileSystem(configuration);
        if (!(found instanceof S3AFileSystem)) {
            throw new ConditionsNotHonoured(found.getUri() + " by " + found.getClass().getName());
        }
        this.fileSystem = (S3AFileSystem) found;
        this.path = path;
        this.key = fileSystem.pathToKey(path);
        if (TRUSTED.get(fileSystem.getUri()) == null) {
            probe();
            TRUSTED.put(fileSystem.getUri(), Boolean.TRUE);
        }
    }

    /**
     * Writes the object if there is none.
     *
     * @return its ETag; null when there is one already
     */
    public String create(byte[] content) throws IOException {
        return put(key, "If-None-Match", "*", content);
    }

    /**
     * Writes the object if it is still the one of this ETag.
     *
     * @return its new ETag; null when it is another or none
     */
    public String replace(String etag, byte[] content) throws IOException {
        return put(key, "If-Match", '"' + etag + '"', content);
    }

    /** @return the object as it is now; null when there is none */
    public Version read() throws IOException {
        AuditSpan span = fileSystem.createSpan("conditional_get", path.toString(), null);
        try {
            S3Object object = client().getObject(fileSystem.getRequestFactory().newGetObjectRequest(key));
            try {
                return new Version(object.getObjectMetadata().getETag(), IOUtils.readFullyToByteArray(
                    new DataInputStream(object.getObjectContent())));
            } finally {
                object.close();
            }
        } catch (AmazonServiceException error) {
            if (error.getStatusCode() == 404 && !isBucketMissing(error)) {
                return null;
            }
            throw S3AUtils.translateException("GET", key, error);
        } catch (AmazonClientException error) {
            throw S3AUtils.translateException("GET", key, error);
        } finally {
            span.close();
        }
    }

    /** An object as somebody wrote it. */
    public static final class Version {
        public final String etag;
        public final byte[] content;

        Version(String etag, byte[] content) {
            this.etag = etag;
            this.content = content;
        }
    }

    private String put(String to, String condition, String value, byte[] content) throws IOException {
        String attempt = UUID.randomUUID().toString();
        AuditSpan span = fileSystem.createSpan("conditional_put", path.toString(), null);
        try {
            for (int tries = 1; true; tries++) {
                try {
                    return client().putObject(request(to, condition, value, content, attempt)).getETag();
                } catch (AmazonServiceException refused) {
                    if (refused.getStatusCode() == 412 || (refused.getStatusCode() == 404 && !isBucketMissing(refused))) {
                        return etagIfOwn(to, attempt);
                    }
                    if (refused.getStatusCode() != 409 || tries == LONGEST_CONFLICT) {
                        throw refused;
                    }
                    pause(CONFLICT_WAIT_MILLIS * tries);
                }
            }
        } catch (AmazonClientException error) {
            throw S3AUtils.translateException("conditional PUT", to, error);
        } finally {
            span.close();
        }
    }

    private PutObjectRequest request(String to, String condition, String value, byte[] content, String attempt) {
        ObjectMetadata metadata = fileSystem.newObjectMetadata(content.length);
        metadata.addUserMetadata(ATTEMPT, attempt);
        PutObjectRequest request =
            fileSystem.getRequestFactory().newPutObjectRequest(to, metadata, new ByteArrayInputStream(content));
        request.putCustomRequestHeader(condition, value);
        return request;
    }

    /** The ETag of the object, if it is this very attempt that has written it. */
    private String etagIfOwn(String of, String attempt) {
        try {
            ObjectMetadata found =
                client().getObjectMetadata(fileSystem.getRequestFactory().newGetObjectMetadataRequest(of));
            return attempt.equals(found.getUserMetaDataOf(ATTEMPT)) ? found.getETag() : null;
        } catch (AmazonServiceException gone) {
            if (gone.getStatusCode() == 404) {
                return null;
            }
            throw gone;
        }
    }

    /** An error, where a key without an object is an answer. */
    private static boolean isBucketMissing(AmazonServiceException error) {
        return "NoSuchBucket".equals(error.getErrorCode());
    }

    /** A store that knows no conditions ignores their headers, and both of two writers are told that they won. */
    private void probe() throws IOException {
        String object = fileSystem.pathToKey(new Path(path.getParent(), ".conditional-" + UUID.randomUUID()));
        byte[] content = new byte[0];
        try {
            put(object, "If-None-Match", "*", content);
            if (put(object, "If-None-Match", "*", content) != null
                || put(object, "If-Match", "\"00000000000000000000000000000000\"", content) != null) {
                throw new ConditionsNotHonoured(fileSystem.getUri().toString());
            }
        } finally {
            client().deleteObject(fileSystem.getBucket(), object);
        }
    }

    private AmazonS3 client() {
        return fileSystem.getAmazonS3ClientForTesting("conditional PUT");
    }

    private static void pause(long millis) throws IOException {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for S3");
        }
    }
}
