/* SPDX-License-Identifier: Apache-2.0 */
/* Words that are repeated for their own sake: "classify classify classify". Inside the layer only,
 * see aside.h. */
#ifndef SLUICE_ROUTE_ASIDE_WORDS_H
#define SLUICE_ROUTE_ASIDE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define TAKEN '\1' /* in the place of a byte that was taken out */

static inline bool is_word_byte(unsigned char c)
{
    return c >= 0x80 || (unsigned)((c | 0x20) - 'a') < 26 || (unsigned)(c - '0') < 10 || c == '_';
}

/* Takes out one to four words that come three times or more one behind the other, and a word that
   tells what to do (vocabulary.h) which is every twelfth or more of the text's, three times at
   least. Names of code (sort(), list.sort) are none of them. Of a character of Chinese or Japanese
   each is a word. Returns whether there were any. */
bool repeated_take(char *text, size_t len);

#endif
