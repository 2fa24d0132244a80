/* SPDX-License-Identifier: Apache-2.0 */
/* What libyaml says of a syntax error, in words that help: only yaml.c uses it. */
#ifndef SLUICE_CONFIG_YAML_SYNTAX_H
#define SLUICE_CONFIG_YAML_SYNTAX_H

#include "config/diagnostics.h"

#include <yaml.h>

/* Adds a diagnostic "syntax" for the parser's error. `text` is what it was given. */
void yaml_syntax_report(const yaml_parser_t *parser, struct slice text,
                        struct diagnostics *diagnostics);

#endif
