/**
 * What is known of a request, by IAM's names for it: `aws:SourceIp`, `aws:ResourceTag/team`, …
 *
 * @param key in lower case, since IAM's names of keys know no case
 * @returns `undefined` where the request has no such key; a list only for keys that have many values, e.g. `aws:TagKeys`
 */
export type RequestContext = (key: string) => string | readonly string[] | undefined;
