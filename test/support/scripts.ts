/** Lines with the letters of many scripts, as people type them into a terminal. */

/** All characters from the first to the last one. */
function range(first: string, last: string): string {
  const start = first.codePointAt(0) ?? 0
  const end = last.codePointAt(0) ?? 0
  return String.fromCodePoint(...Array.from({ length: end - start + 1 }, (_, at) => start + at))
}

/** By the name of the script. None of it is changed on its way: there are no controls and no stacks of marks in it. */
export const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ['Latin', `${range('À', 'ÿ')} ${range('Ā', 'ſ')} ẞ`],
  ['Vietnamese', range('Ạ', 'ỹ')],
  ['Cyrillic', `${range('А', 'я')} ${range('Ѐ', 'Џ')} ${range('ѐ', 'ґ')}`],
  ['Greek', `${range('Ά', 'Ί')} ${range('Ύ', 'Ρ')} ${range('Σ', 'ώ')}`],
  ['Armenian', `${range('Ա', 'Ֆ')} ${range('ա', 'և')}`],
  ['Hebrew', range('א', 'ת')],
  ['Arabic', `${range('ء', 'غ')} ${range('ف', 'ي')}`],
  ['Devanagari', `${range('अ', 'ह')} हिन्दी`],
  ['Thai', `${range('ก', 'ฮ')} ภาษาไทย`],
  ['Georgian', range('ა', 'ჰ')],
  ['Hangul', `${range('가', '갛')} 한국어`],
  ['Kana', `${range('ぁ', 'ゖ')} ${range('ァ', 'ヺ')}`],
  ['Han', `${range('一', '丿')} 漢字 汉字`],
  ['quotes', '“typographic” ‘quotes’ „Gänsefüßchen“ «guillemets» ‹and› – — … € № ₴ ₽'],
  ['emoji', `${range('😀', '🙏')} ❤️ 👩‍🚀`],
])

/** Has GNU telnet send a command for a part of a character, so that it is asked for binary transmission. */
export const TELLING = 'Übung: у меня'
