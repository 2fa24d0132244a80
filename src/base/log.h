/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: JSON lines (or plain text on a terminal) handed to one writer thread through a bounded
 * ring, so that no caller ever waits for a disk or a pipe; when the ring is full lines are dropped
 * and counted. Any thread. Secrets and bodies must not be passed in; control characters are escaped
 * here.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include "base/check.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

/* Starts the writer on a descriptor (not owned). Before it, and after log_stop(), lines go to
 * stderr directly. */
void log_start(int fd, enum log_format format, enum log_level level);
/* Writes out what is queued and joins the writer. */
void log_stop(void);
/* One message; `event` is a short stable identifier such as "reload_failed". */
RARELY void log_event(enum log_level level, const char *event, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* One ready-made JSON object (without line end) as a line of its own: the access log. */
void log_line(struct slice json);
bool log_enabled(enum log_level level);
/* Is it read by machines: has it been started as JSON lines? */
bool log_is_json(void);
/* Lines lost so far because the ring was full. */
uint64_t log_dropped(void);

#endif
