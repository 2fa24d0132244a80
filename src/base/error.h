/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, for a caller or an operator. Functions that can fail return `bool` (false:
 * *error filled in) and take the error last. `code` is a stable identifier from a literal (clients
 * match on it); `text` is a sentence that never holds a secret; `pointer` is a JSON pointer (RFC
 * 6901) or empty.
 */
#ifndef SLUICE_BASE_ERROR_H
#define SLUICE_BASE_ERROR_H

#include "base/check.h"

#include <stdbool.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_INVALID,     /* the input is wrong: HTTP 400 */
    ERROR_LIMIT,       /* the input is too large: HTTP 413 */
    ERROR_NOT_FOUND,   /* HTTP 404 */
    ERROR_UNSUPPORTED, /* understood, not possible here: HTTP 422 */
    ERROR_DENIED,      /* HTTP 401 or 403 */
    ERROR_ENVIRONMENT, /* disk, network, memory: HTTP 503 */
};

struct error {
    enum error_kind kind;
    const char *code;
    char pointer[128];
    char text[384];
};

/* Fills in *error (which may be NULL) and returns false, so that `return error_set(...)` reads
 * well. */
RARELY bool error_set(struct error *error, enum error_kind kind, const char *code,
                      const char *format, ...) PRINTF_LIKE(4, 5);
/* Sets the JSON pointer, truncating. */
RARELY void error_at(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
void error_clear(struct error *error);

#endif
