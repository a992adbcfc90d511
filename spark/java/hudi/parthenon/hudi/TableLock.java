package parthenon.hudi;

import java.util.concurrent.TimeUnit;
import org.apache.hudi.client.transaction.lock.InProcessLockProvider;
import org.apache.hudi.client.transaction.lock.StorageBasedLockProvider;
import org.apache.hudi.common.config.HoodieCommonConfig;
import org.apache.hudi.common.config.LockConfiguration;
import org.apache.hudi.common.lock.LockProvider;
import org.apache.hudi.storage.StorageConfiguration;

/**
 * The lock of a Hudi table, whose writers take it for their commits: an object beside the table, by conditional writes, for
 * tables in S3, which several sessions can write; within the process for others, which only one session sees.
 */
public class TableLock implements LockProvider {
    private final LockProvider lock;

    /** Called by Hudi. */
    public TableLock(LockConfiguration configuration, StorageConfiguration storage) {
        String table = configuration.getConfig().getString(HoodieCommonConfig.BASE_PATH.key());
        this.lock = table.startsWith("s3:") || table.startsWith("s3a:")
            ? (LockProvider) new StorageBasedLockProvider(configuration, storage)
            : (LockProvider) new InProcessLockProvider(configuration, storage);
    }

    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        return lock.tryLock(time, unit);
    }

    public void unlock() {
        lock.unlock();
    }

    public Object getLock() {
        return lock.getLock();
    }

    public String getCurrentOwnerLockInfo() {
        return lock.getCurrentOwnerLockInfo();
    }

    public void close() {
        lock.close();
    }
}
