/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `routes.NAME.preset` stands for: options of the route, written as they would stand in the
 * file. They count where the route does not say otherwise; `sluice check` judges them as if they
 * stood there.
 */
#ifndef SLUICE_CONFIG_PRESET_H
#define SLUICE_CONFIG_PRESET_H

#include "config/reader.h"

#define PRESET_WORDS "coding|chat|batch"

/* Puts them into the tree, before it is validated. */
void preset_apply(struct reader *reader, struct yaml *root);
/* The options of a preset as they would stand in the file, or NULL. */
const char *preset_text(struct slice name);

#endif
