/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values (RFC 4180, with line feeds alone). Pure. */
#ifndef SLUICE_CLI_CSV_H
#define SLUICE_CLI_CSV_H

#include "base/buf.h"

/* A quoted field. One that a spreadsheet would take for a formula (it begins with = + - @, a tab or
 * a carriage return) has an apostrophe in front, which makes it a text. */
void put_csv(struct buf *out, struct slice text);

#endif
