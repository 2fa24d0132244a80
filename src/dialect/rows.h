/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the table: one for each dialect, defined in the file of its name. */
#ifndef SLUICE_DIALECT_ROWS_H
#define SLUICE_DIALECT_ROWS_H

#include "dialect/dialect.h"

#define DIALECT_EXTERN(symbol, row) extern const struct dialect dialect_##row;
DIALECT_LIST(DIALECT_EXTERN)
#undef DIALECT_EXTERN

#endif
