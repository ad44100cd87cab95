/*
 * group - directories that one command will ask about.
 *
 * While a group lives, their repositories stay open, and the first question whether one of them is dirty is
 * answered for all of them at once: each repository's index is read once, not once a directory.  What is
 * answered is then as of that question.  A group is about speed only; a directory with which something is
 * wrong is left out, for whoever opens it to complain about.
 */
#ifndef LK_GIT_GROUP_H
#define LK_GIT_GROUP_H

#include <stddef.h>

struct lk_git_group;

/* Absolute paths, as for lk_git_open. */
struct lk_git_group *lk_git_group_new(const char *const *directories, size_t count);
void                 lk_git_group_free(struct lk_git_group **group);

#endif
