package org.apache.hudi.aws.transaction.lock;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.IOUtils;
import org.apache.hudi.client.transaction.lock.StorageLockClient;
import org.apache.hudi.client.transaction.lock.models.LockGetResult;
import org.apache.hudi.client.transaction.lock.models.LockUpsertResult;
import org.apache.hudi.client.transaction.lock.models.StorageLockData;
import org.apache.hudi.client.transaction.lock.models.StorageLockFile;
import org.apache.hudi.common.util.Option;
import org.apache.hudi.common.util.collection.Pair;
import org.apache.hudi.exception.HoodieLockException;
import org.apache.spark.SparkContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import parthenon.s3.ConditionalObject;

/**
 * Reads and writes the lock file of a Hudi table in S3 by the session's own S3A. Hudi looks for a class of this very name, of
 * which its module hudi-aws has another, by a client that knows no endpoint but Amazon's.
 */
public class S3StorageLockClient implements StorageLockClient {
    private static final Logger LOG = LoggerFactory.getLogger(S3StorageLockClient.class);

    private final Configuration configuration;
    private final ConditionalObject file;

    /**
     * Called by Hudi.
     *
     * @param file the lock file, with its scheme
     */
    public S3StorageLockClient(String owner, String file, Properties properties) {
        // Only writers lock, and they live where the SparkContext does.
        this.configuration = SparkContext.getOrCreate().hadoopConfiguration();
        try {
            this.file = new ConditionalObject(new Path(file), configuration);
        } catch (IOException error) {
            throw new HoodieLockException(error.getMessage(), error);
        }
    }

    public Pair tryUpsertLockFile(StorageLockData data, Option previous) {
        try {
            byte[] content = StorageLockFile.toByteArray(data);
            String etag = previous.isPresent()
                ? file.replace(((StorageLockFile) previous.get()).getVersionId(), content)
                : file.create(content);
            return etag == null
                ? Pair.of(LockUpsertResult.ACQUIRED_BY_OTHERS, Option.empty())
                : Pair.of(LockUpsertResult.SUCCESS, Option.of(new StorageLockFile(data, etag)));
        } catch (IOException error) {
            LOG.warn("The lock could not be written", error);
            return Pair.of(LockUpsertResult.UNKNOWN_ERROR, Option.empty());
        }
    }

    public Pair readCurrentLockFile() {
        try {
            ConditionalObject.Version found = file.read();
            return found == null
                ? Pair.of(LockGetResult.NOT_EXISTS, Option.empty())
                : Pair.of(LockGetResult.SUCCESS, Option.of(
                    StorageLockFile.createFromStream(new ByteArrayInputStream(found.content), found.etag)));
        } catch (IOException error) {
            LOG.warn("The lock could not be read", error);
            return Pair.of(LockGetResult.UNKNOWN_ERROR, Option.empty());
        }
    }

    /** For Hudi's audit of locks, which a table's owner may switch on. */
    public Option readObject(String path, boolean lookFirst) {
        try {
            FileSystem fileSystem = new Path(path).getFileSystem(configuration);
            if (lookFirst && !fileSystem.exists(new Path(path))) {
                return Option.empty();
            }
            FSDataInputStream input = fileSystem.open(new Path(path));
            try {
                return Option.of(new String(IOUtils.readFullyToByteArray(input), StandardCharsets.UTF_8));
            } finally {
                input.close();
            }
        } catch (IOException missing) {
            return Option.empty();
        }
    }

    /** For the same audit. */
    public boolean writeObject(String path, String content) {
        try {
            OutputStream output = new Path(path).getFileSystem(configuration).create(new Path(path), true);
            try {
                output.write(content.getBytes(StandardCharsets.UTF_8));
            } finally {
                output.close();
            }
            return true;
        } catch (IOException error) {
            LOG.warn("The audit of a lock could not be written", error);
            return false;
        }
    }

    public void close() {}
}
