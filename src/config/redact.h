/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping secrets out of what is printed of a configuration. Values of options that are secret are
 * hidden by their place (diagnostics_hide()); this is the second line of defence, for text that has
 * no tree: a file with a syntax error, a misspelt option, a key that was pasted into the wrong
 * place. It errs on the side of hiding.
 */
#ifndef SLUICE_CONFIG_REDACT_H
#define SLUICE_CONFIG_REDACT_H

#include "base/slice.h"

/* Is an option of this name likely to hold a secret: api_key, token, password, Authorization ...?
 */
bool redact_name_is_secret(struct slice name);
/* Overwrites with '*' what has the shape of a key: sk-..., gsk_..., or a long run of letters and
 * digits. The length stays. */
void redact_shapes(char *text, size_t len);

/* Goes over a text line by line, in order. */
struct redactor {
    bool inside;   /* of a secret value that goes on over lines ... */
    size_t indent; /* ... which are indented further than this */
};
/* Sets hide[i] for each byte of the line that belongs to a value of a secret name. References such
 * as ${NAME} stay visible. */
void redact_line(struct redactor *redactor, struct slice line, bool *hide);

#endif
