/** What a title is searched by: the same for all spellings that differ in case. */
export function titleKey(title: string): string {
  return title.normalize("NFC").toLowerCase();
}
