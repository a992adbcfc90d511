import type { CallSource } from './call.ts';
import type { RequestContext } from './policies/context.ts';
import type { Principal } from './principal.ts';

/** Condition keys of one request beside those that every request has, by name in lower case. */
export type ContextKeys = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * What conditions are asked against.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 *
 * @param keys of the request and its resource, e.g. `{ 'aws:resourcetag/team': 'data' }`
 */
export function requestContext(
  principal: Principal,
  source: CallSource | undefined,
  region: string,
  keys: ContextKeys = {},
): RequestContext {
  const now = new Date();
  return (key) => {
    switch (key) {
      case 'aws:currenttime':
        return now.toISOString();
      case 'aws:epochtime':
        return String(Math.floor(now.getTime() / 1000));
      case 'aws:sourceip':
        return source?.address;
      case 'aws:securetransport':
        return String(source?.secure ?? false);
      case 'aws:requestedregion':
        return region;
      default:
        return Object.hasOwn(keys, key) ? keys[key] : principal.identity?.attributes.get(key);
    }
  };
}

/** `aws:ResourceTag/…`, `aws:RequestTag/…`: tags as condition keys. */
export function tagKeys(
  prefix: 'aws:resourcetag' | 'aws:requesttag',
  tags: readonly { readonly key: string; readonly value: string }[],
): ContextKeys {
  return Object.fromEntries(tags.map(({ key, value }) => [`${prefix}/${key.toLowerCase()}`, value]));
}
