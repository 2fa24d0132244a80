/* SPDX-License-Identifier: Apache-2.0 */
/* Data goes to stdout, words go to stderr, colours go to terminals only. */
#ifndef SLUICE_CLI_TERMINAL_H
#define SLUICE_CLI_TERMINAL_H

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

#define DATA_BYTES_MAX (256u << 20) /* ceiling of what one command prints */

/* One line of words on stderr. */
void say(const char *format, ...) PRINTF_LIKE(1, 2);
/* "sluice COMMAND: what happened" on stderr, with the JSON pointer if there is one; returns
 * EXIT_CODE_FAILED. */
int say_error(const char *command, const struct error *error);
/* Writes the buffer to stdout and releases it; returns EXIT_CODE_OK, or EXIT_CODE_FAILED when it
   could not be written or had failed. */
int print_data(struct buf *data);
/* Are colours wanted on this descriptor? NO_COLOR, CLICOLOR_FORCE, TERM=dumb, else whether it is a
 * terminal. */
bool wants_colour(int fd);

/* "$0.0012"; negative amounts get a sign in front. */
void put_usd(struct buf *out, int64_t nd);
/* 1234567 as "1,234,567". */
void put_count(struct buf *out, int64_t value);
/* Dollars per million tokens from pico-dollars per token: "0.25". */
void put_rate(struct buf *out, int64_t pd);

/* Whole files and stdin ("-") with a ceiling. *error: "unreadable_file" or "too_large". */
MUST_USE bool read_input(const char *path, struct buf *out, struct error *error);

/* "250ms" is not one of them: days, hours, weeks as "7d", "12h", "2w", in seconds. */
MUST_USE bool parse_days(const char *text, int64_t *ret_s);

#endif
