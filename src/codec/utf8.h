/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629): overlong forms, surrogates and values above U+10FFFF are invalid. */
#ifndef SLUICE_CODEC_UTF8_H
#define SLUICE_CODEC_UTF8_H

#include "base/slice.h"

bool utf8_valid(struct slice s);
/* Length of the valid sequence at the start (1..4), or 0. */
size_t utf8_sequence(struct slice s);
/* Decodes one character; returns its length, 0 when invalid or empty. */
size_t utf8_decode(struct slice s, uint32_t *ret_code_point);
/* Writes 1..4 bytes, returns how many; surrogates and values out of range become U+FFFD. */
size_t utf8_encode(uint32_t code_point, char out[4]);
/* The longest prefix of at most `max` bytes that does not cut a character. */
struct slice utf8_prefix(struct slice s, size_t max);

#endif
