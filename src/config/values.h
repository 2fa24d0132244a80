/* SPDX-License-Identifier: Apache-2.0 */
/* Text of an option -> its value, by the option's type and bounds. Pure. */
#ifndef SLUICE_CONFIG_VALUES_H
#define SLUICE_CONFIG_VALUES_H

#include "config/options.h"

/* `why` when the value has the right form and is beyond the option's bounds. */
extern const char value_out_of_range[];

/* The number of a scalar option (see enum option_type for units; booleans 0 and 1; AUTO_INTEGER
 * auto is 0). False: *ret_why is a literal that says what is wrong, or NULL when the option's type
 * name says it. */
MUST_USE bool value_number(const struct option *option, struct slice text, int64_t *ret_value,
                           const char **ret_why);

#endif
