/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting diagnostics while a configuration is read (the outer contract is in config.h). */
#ifndef SLUICE_CONFIG_DIAGNOSTICS_H
#define SLUICE_CONFIG_DIAGNOSTICS_H

#include "config/config.h"
#include "config/yaml.h"

#define DIAGNOSTICS_MAX 200 /* further ones are dropped: nobody reads them */

void diagnostics_add(struct diagnostics *diagnostics, enum severity severity, const char *code,
                     struct yaml_place place, const char *hint, const char *format, ...) PRINTF_LIKE(6, 7);

#endif
