/*
 * handout - hands open files with names, and a note, to another process of the same user on this machine, over a
 * unix socket.  Their content passes no other place, and never a disk if it is in memory.
 *
 *   -> the question                                (SOCK_SEQPACKET: one message each)
 *   <- the note and the names, each with a newline behind it; a descriptor for each name
 *      (or the end: nothing for this question)
 *
 * Both sides wait for each other only a short time.  Any thread.
 */
#ifndef LK_HANDOUT_H
#define LK_HANDOUT_H

#include "common/base/err.h"
#include "common/base/str.h"

#define LK_HANDOUT_PREFIX       "s." /* of the sockets' names, where several lie in one directory */
#define LK_HANDOUT_FILES_MAX    16
#define LK_HANDOUT_NAME_SIZE    65
#define LK_HANDOUT_NOTE_SIZE    256
#define LK_HANDOUT_QUESTION_MAX 64

struct lk_handout {
    char   note[LK_HANDOUT_NOTE_SIZE]; /* neither it nor a name has a newline */
    size_t count;
    char   names[LK_HANDOUT_FILES_MAX][LK_HANDOUT_NAME_SIZE];
    int    fds[LK_HANDOUT_FILES_MAX]; /* owned */
};

void lk_handout_fini(struct lk_handout *handout);

/* The fd of a socket that only this user can reach; CONFLICT if the path is taken. */
int lk_handout_listen(const char *path, struct lk_err *err);

/* Accepts one and reads what it asks.  The fd to answer on, or -1: it came from another user, or said nothing. */
int lk_handout_accept(int listener, char question[LK_HANDOUT_QUESTION_MAX], size_t *len);

int lk_handout_give(int peer, const struct lk_handout *handout, struct lk_err *err);

/* NOT_FOUND: nobody listens there, or has nothing for this question. */
int lk_handout_ask(struct lk_handout *out, const char *path, struct lk_str question,
                   struct lk_err *err);

#endif
