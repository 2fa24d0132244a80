/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good a router's scores are, on rows whose outcomes are known. PGR at a share of strong calls
 * is the part of the gap between always-weak and always-strong that is won when the rows with the
 * highest scores go to the strong model; APGR is its mean over shares 0, 0.1 ... 1 (trapezoid);
 * CPT(x) is the share of strong calls that wins x of the gap. Ties go by id. Pure; deterministic.
 *
 * Ong et al., "RouteLLM: Learning to Route LLMs with Preference Data", 2024.
 */
#ifndef SLUICE_ROUTE_QUALITY_H
#define SLUICE_ROUTE_QUALITY_H

#include "base/error.h"
#include "base/slice.h"

#define QUALITY_POINTS 11u
#define QUALITY_RESAMPLES 1000u

struct quality_row {
    double score; /* the higher, the more it is worth the strong model */
    double weak;  /* how well each did, 0..1 */
    double strong;
    uint64_t id;
};

struct quality {
    size_t rows;
    double weak; /* averages */
    double strong;
    double oracle;                /* the better of both on each row */
    double curve[QUALITY_POINTS]; /* average quality at shares 0, 0.1 ... 1 */
    double apgr;                  /* NAN when the strong one is not better */
    double apgr_all;              /* over every share there is */
    double low;                   /* 95 % interval of apgr, rows drawn again in pairs */
    double high;
    double cpt50; /* shares; NAN: never reached */
    double cpt80;
};

/* Sorts the rows. False: "no_memory". */
MUST_USE bool quality_measure(struct quality_row *rows, size_t count, struct quality *ret_quality,
                              struct error *error);

/* Of one task among others. */
struct task_counts {
    uint32_t right;
    uint32_t missed;  /* it was another one by our word */
    uint32_t claimed; /* it was another one by the label */
};
/* Mean of the F1 of the tasks that occur. */
double quality_macro_f1(const struct task_counts *counts, size_t count);

#endif
