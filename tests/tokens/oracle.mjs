// SPDX-License-Identifier: Apache-2.0
// Seeded texts and their tokens by tiktoken. usage: oracle.mjs ENCODING COUNT SEED FILE: writes FILE.texts (of each
// its length, 4 bytes, little endian, and its UTF-8) and FILE.tokens (a line of numbers each). Texts mix all scripts,
// code, emoji in sequences, special tokens as plain text, white space of all kinds, and lone surrogates, which become
// U+FFFD as everywhere on the way to bytes.
import {createRequire} from 'node:module';
import {writeFileSync} from 'node:fs';

const [name, count, seed, file] = process.argv.slice(2);
const {get_encoding} = createRequire(`${process.cwd()}/`)('tiktoken');

const SCRIPTS = [
    [0x20, 0x7e], [0x20, 0x7e], [0x61, 0x7a], [0x41, 0x5a], [0x30, 0x39], [0xa0, 0xff], [0x100, 0x24f],
    [0x250, 0x2ff], [0x300, 0x36f], [0x370, 0x3ff], [0x400, 0x4ff], [0x530, 0x58f], [0x590, 0x5ff], [0x600, 0x6ff],
    [0x700, 0x74f], [0x900, 0x97f], [0x980, 0x9ff], [0xb80, 0xbff], [0xe00, 0xe7f], [0x1000, 0x109f],
    [0x10a0, 0x10ff], [0x1100, 0x11ff], [0x1200, 0x137f], [0x13a0, 0x13ff], [0x1780, 0x17ff], [0x1c80, 0x1cff],
    [0x1e00, 0x1fff], [0x2000, 0x206f], [0x20a0, 0x20ff], [0x2100, 0x218f], [0x2190, 0x23ff], [0x2460, 0x24ff],
    [0x2c00, 0x2dff], [0x3000, 0x303f], [0x3040, 0x30ff], [0x4e00, 0x9fff], [0xa640, 0xa7ff], [0xac00, 0xd7a3],
    [0xff00, 0xffef], [0x10400, 0x1044f], [0x10d40, 0x10d8f], [0x1d400, 0x1d7ff], [0x1f300, 0x1f6ff],
    [0x1f900, 0x1f9ff], [0x20000, 0x2a6df], [0x2ebf0, 0x2ee5d], [0xd800, 0xdfff], [0, 0x1f], [0x80, 0x9f],
    [0xe000, 0xf8ff], [0, 0x10ffff],
];
const BITS = [
    "'s", "'S", "'\u017f", "'T", "'re", "'Ll", "'VE", "'d", "'m", "don't", "I'LL", "'", "''", '<|endoftext|>',
    '<|fim_prefix|>', '<|endofprompt|>', '\n', '\r\n', '\n\n\n', '\t', '   ', '    return x;', '  ', '/', '//', '://',
    '\u00a0', '\u3000', '\u0085', '\u2028', '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}',
    '\u{1f1e9}\u{1f1ea}', '\u{1f44d}\u{1f3fd}', '\u2764\ufe0f', 'e\u0301', '\u01c5', '\u02b0', '\u00aa', '123',
    '1234567', '\u0663\u0664\u0665', '\u00b2\u00b3', '\u2177', '\u00bd', 'function foo(a, b) {', 'std::vector<int>',
    '#include <stdio.h>', 'CamelCaseWord', 'SCREAMING_SNAKE', 'HTMLParser', 'aaaaaaaaaaaaaaaaaaaaaaaa', '--------',
    '======', '....', '!!!', '{"a":[1,2,{}]}', 'https://example.com/a?b=c#d', 'Stra\u00dfe', 'na\u00efve',
    '\u00c0\u00c9\u00ce', '\u65e5\u672c\u8a9e\u30c6\u30ad\u30b9\u30c8', '\uc548\ub155\ud558\uc138\uc694',
    '\u041f\u0440\u0438\u0432\u0435\u0442', '\u0645\u0631\u062d\u0628\u0627', '\u05e9\u05dc\u05d5\u05dd',
    '\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35', '\u0928\u092e\u0938\u094d\u0924\u0947', '\ud83d', '\udc00', '\ufffd',
    '\u200d', '\ufeff', '\u0000',
];

let state = BigInt(seed);
function below(limit) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
    return Number((state >> 33n) % BigInt(limit));
}

function makeText() {
    let text = '';
    for (let parts = 1 + below(12); parts > 0; parts--) {
        const kind = below(5);
        if (kind < 2) {
            text += BITS[below(BITS.length)];
            continue;
        }
        const [first, last] = SCRIPTS[below(SCRIPTS.length)];
        for (let left = 1 + below(kind === 2 ? 3 : 10); left > 0; left--) {
            text += String.fromCodePoint(first + below(last - first + 1));
        }
        text += below(2) === 0 ? '' : ' ';
    }
    return (below(200) === 0 ? text.repeat(1 + below(40)) : text).toWellFormed();
}

const encoding = get_encoding(name);
const texts = [];
const lines = [];
for (let i = 0; i < Number(count); i++) {
    const text = makeText();
    const bytes = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    texts.push(length, bytes);
    lines.push(Array.from(encoding.encode_ordinary(text)).join(' '));
}
writeFileSync(`${file}.texts`, Buffer.concat(texts));
writeFileSync(`${file}.tokens`, `${lines.join('\n')}\n`);
