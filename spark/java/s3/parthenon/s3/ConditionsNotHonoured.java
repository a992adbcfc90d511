package parthenon.s3;

import java.io.IOException;

/** A store makes no conditional writes; without them two writers of one table would lose each other's commits. */
public class ConditionsNotHonoured extends IOException {
    /** @param store its scheme and bucket */
    public ConditionsNotHonoured(String store) {
        super(store + " does not honour If-None-Match and If-Match on writes, by which sessions that write one table "
            + "keep out of each other's way. For a table that only one session writes at a time: for Delta set "
            + "spark.delta.logStore.s3.impl and spark.delta.logStore.s3a.impl to io.delta.storage.S3SingleDriverLogStore; "
            + "for Hudi set hoodie.write.concurrency.mode to SINGLE_WRITER.");
    }
}
