/* SPDX-License-Identifier: Apache-2.0 */
/* Adding to the chain within another change's transaction. */
#ifndef SLUICE_STORE_AUDIT_INTERNAL_H
#define SLUICE_STORE_AUDIT_INTERNAL_H

#include "store/audit.h"
#include "store/database.h"

/* False: SQLite failed, or memory is out. */
MUST_USE bool audit_append(sqlite3 *db, const struct audit_entry *entry);

#endif
