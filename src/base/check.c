/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *condition)
{
    /* Straight to stderr: the log's thread may be the one that is broken. */
    fprintf(stderr, "sluice: bug: %s:%d: this must hold: %s\n", file, line, condition);
    fflush(stderr);
    abort();
}
