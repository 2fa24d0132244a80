/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the commands, each defined beside its run function; commands.c puts them into the
 * table. */
#ifndef SLUICE_CLI_ROWS_H
#define SLUICE_CLI_ROWS_H

#include "cli/command.h"

extern const struct command audit_list_command;
extern const struct command audit_verify_command;
extern const struct command check_command;
extern const struct command cluster_forget_command;
extern const struct command cluster_remove_command;
extern const struct command cluster_status_command;
extern const struct command cluster_verify_command;
extern const struct command completion_command;
extern const struct command demo_command;
extern const struct command explain_command;
extern const struct command help_command;
extern const struct command import_litellm_command;
extern const struct command key_acknowledge_command;
extern const struct command key_create_command;
extern const struct command key_limit_command;
extern const struct command key_list_command;
extern const struct command key_reseal_command;
extern const struct command key_revoke_command;
extern const struct command key_rotate_command;
extern const struct command ledger_backup_command;
extern const struct command ledger_export_command;
extern const struct command ledger_restore_command;
extern const struct command ledger_verify_command;
extern const struct command models_command;
extern const struct command prices_command;
extern const struct command providers_command;
extern const struct command replay_command;
extern const struct command report_command;
extern const struct command train_command;
extern const struct command eval_command;
extern const struct command serve_command;
extern const struct command target_list_command;
extern const struct command target_off_command;
extern const struct command target_on_command;
extern const struct command version_command;

#endif
