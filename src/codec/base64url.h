/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64url without padding (RFC 4648, 5; RFC 7515, 2), strictly: one spelling for each sequence of
 * bytes, so no '=', no white space, and the bits left over in the last digit are zero.
 */
#ifndef SLUICE_CODEC_BASE64URL_H
#define SLUICE_CODEC_BASE64URL_H

#include "base/slice.h"

#define BASE64URL_DECODED(digits) ((digits) / 4 * 3 + 2) /* bytes at most */

/* Writes at most `size` bytes. False: not base64url, or more than fits. */
MUST_USE bool base64url_decode(struct slice text, void *out, size_t size, size_t *ret_length);

#endif
