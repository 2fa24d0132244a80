/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648) as it stands in JSON strings. `inner` is the escaped inside of a string; "\/"
 * is the one escape that occurs in practice, others count when they name a letter of the alphabet.
 */
#ifndef SLUICE_DIALECT_BASE64_H
#define SLUICE_DIALECT_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

/* What protobuf's JSON takes too: the URL alphabet, and no padding. *ret_standard is the text
   itself when it is standard already, else a copy in the arena. False: no base64, or out of
   memory (arena->exhausted). */
MUST_USE bool base64_standard(struct slice inner, struct arena *arena, struct slice *ret_standard);
/* Appends the bytes of a plain text in either alphabet, padded or not. False: no base64. */
MUST_USE bool base64_decode(struct slice text, struct buf *out);

#endif
