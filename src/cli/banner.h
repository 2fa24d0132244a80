/* SPDX-License-Identifier: Apache-2.0 */
/* What serve prints once it is ready: at most 14 lines of 80 columns (but for the curl, which must
 * stay whole). Pure. */
#ifndef SLUICE_CLI_BANNER_H
#define SLUICE_CLI_BANNER_H

#include "cli/discovery.h"

struct banner {
    const struct snapshot *snapshot;
    const struct discovery
        *discovery;        /* says where a provider was found; NULL: a file names them */
    const char *file;      /* configuration file, or NULL */
    const char *no_ledger; /* why there is none, or empty */
    const char *home;      /* is written as ~; may be NULL */
    bool ledger_is_new;
    uint16_t port; /* bound */
    int64_t ready_ms;
};

#define BANNER_PROVIDERS_MAX 4 /* one line each; the rest is counted */

void banner_write(const struct banner *banner, struct buf *out);

#endif
