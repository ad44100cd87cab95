/* program - where our other programs are: found from this one's place, whatever PATH says. */
#ifndef LK_CLI_PROGRAM_H
#define LK_CLI_PROGRAM_H

/*
 * Beside this program, as in a build directory, or in `installed`, which is seen from this program's
 * directory.  Owned; NULL: in neither.
 */
char *lk_program_find(const char *name, const char *installed);

#endif
