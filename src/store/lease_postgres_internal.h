/* SPDX-License-Identifier: Apache-2.0 */
/* What lease_postgres.c and its schema share, and pg_schema.c migrates. */
#ifndef SLUICE_STORE_LEASE_POSTGRES_INTERNAL_H
#define SLUICE_STORE_LEASE_POSTGRES_INTERNAL_H

extern const char lease_schema[];
extern const char lease_schema_2[];
extern const char lease_schema_3[];

#endif
