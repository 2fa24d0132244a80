/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters that look like Latin ones and are others: Cyrillic and Greek ones in a word that has
 * Latin letters too, full-width, mathematical and circled ones, and characters that are not seen at
 * all, inside words. The names of characters are Unicode's (15.0). Inside the layer only.
 */
#ifndef SLUICE_ROUTE_LOOKALIKE_H
#define SLUICE_ROUTE_LOOKALIKE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes the Latin letters in their place, in place; the text never grows. Returns its new length.
 *changed: there were any. Whole words of another script stay as they are, but for what is not
   seen in them. */
size_t lookalikes_replace(char *text, size_t len, bool *changed);

#endif
