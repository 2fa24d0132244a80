/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting diagnostics while a configuration is read (the outer contract is in config.h). */
#ifndef SLUICE_CONFIG_DIAGNOSTICS_H
#define SLUICE_CONFIG_DIAGNOSTICS_H

#include "config/config.h"
#include "config/yaml.h"

#define DIAGNOSTICS_MAX 200 /* further ones are counted only: nobody reads them */
#define DIAGNOSTIC_WARNINGS_MAX 100

/* Control characters in the text become '?', what looks like a key becomes stars. */
void diagnostics_add(struct diagnostics *diagnostics, enum severity severity, const char *code,
                     struct yaml_place place, const char *hint, const char *format, ...)
    PRINTF_LIKE(6, 7);
/* What stands at this place is never printed. Out of memory: no source line is printed at all. */
void diagnostics_hide(struct diagnostics *diagnostics, struct yaml_place place);
/* Into the order of the file; those without a place come last. */
void diagnostics_sort(struct diagnostics *diagnostics);

/* Length of the line break at the start of `text` as YAML 1.1 counts lines (CR LF is one), or 0. */
size_t diagnostics_line_break(struct slice text);
/* Without a byte order mark. */
struct slice diagnostics_without_mark(struct slice text);

#endif
