import { malformedXml } from '../s3-error.ts';
import { objectOf, type S3Call, type S3Reply, xmlReply } from '../s3-call.ts';
import { checkTags } from '../tags.ts';

export async function getObjectTagging(call: S3Call): Promise<S3Reply> {
  const { attributes } = await call.store.head(objectOf(call));
  const tags = attributes.tags ?? [];
  return xmlReply('Tagging', { TagSet: { Tag: tags.map(({ key, value }) => ({ Key: key, Value: value })) } });
}

export async function putObjectTagging(call: S3Call): Promise<S3Reply> {
  const document = await call.document('Tagging');
  const [tagSet] = document?.all('TagSet') ?? [];
  if (tagSet === undefined) throw malformedXml();
  const tags = tagSet.all('Tag').map((tag) => ({ key: tag.one('Key') ?? '', value: tag.one('Value') ?? '' }));
  checkTags(tags);
  await call.store.changeAttributes(objectOf(call), (attributes) => ({ ...attributes, tags }));
  return { status: 200 };
}

export async function deleteObjectTagging(call: S3Call): Promise<S3Reply> {
  await call.store.changeAttributes(objectOf(call), ({ tags: _, ...others }) => others);
  return { status: 204 };
}
