/**
 * Text of others as one line that cannot steer a terminal: names of files, what a program threw and what a relay says may
 * hold line breaks and control characters.
 */
export const oneLine = (text: string): string =>
  text
    .trim()
    .replaceAll(/\s*[\r\n\u2028\u2029]+\s*/g, ' ')
    .replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd')
