/*
 * intake - takes one client's submission in: first the job specifications, then, once the push is accepted,
 * all trees and blobs that the client's domain lacks.
 *
 * It drives a receiver and says what to send; it owns no socket.  One submission at a time.
 */
#ifndef LK_INTAKE_H
#define LK_INTAKE_H

#include "common/pkg/spec.h"
#include "common/source/receiver.h"

struct lk_intake;

enum lk_intake_state {
    LK_INTAKE_IDLE,
    LK_INTAKE_SPECS,       /* specifications are coming */
    LK_INTAKE_SPECS_READY, /* to be read by lk_intake_specs */
    LK_INTAKE_ACCEPTED,    /* waits for lk_intake_fetch, or needs nothing more */
    LK_INTAKE_SOURCES,
    LK_INTAKE_READY, /* everything is in the store */
};

struct lk_intake *lk_intake_new(struct lk_store *store); /* borrowed */
void              lk_intake_free(struct lk_intake **intake);

enum lk_intake_state lk_intake_state(const struct lk_intake *intake);

/* Begins; whatever was under way is forgotten.  After an error here or below nothing is under way. */
int lk_intake_submit(struct lk_intake *intake, const lk_wire_Submit *submit,
                     struct lk_err *err);

/* Forgets what was under way. */
void lk_intake_abandon(struct lk_intake *intake);

/* OBJECT or ABSENT.  With nothing under way it is what was in flight when a submission failed: ignored. */
int lk_intake_take(struct lk_intake *intake, const lk_wire_Envelope *in, struct lk_str payload,
                   struct lk_err *err);

/* The next WANT or CREDIT; false: none now. */
bool lk_intake_next(struct lk_intake *intake, lk_wire_Envelope *out);

/* The specifications, read and checked, one a package. */
int  lk_intake_specs(struct lk_intake *intake, struct lk_spec **specs, size_t *count,
                     struct lk_err *err);
void lk_intake_free_specs(struct lk_spec **specs, size_t count);

/* The submission's message, borrowed. */
const lk_wire_Submit *lk_intake_message(const struct lk_intake *intake);

/* Fetches what the packages' trees name. */
int lk_intake_fetch(struct lk_intake *intake, struct lk_err *err);

#endif
