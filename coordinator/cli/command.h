/*
 * command - one command of lkcoord as a table row, and the reading of its options.
 *
 * Long options take one dash or two (LinuxKit's manual writes `-org=wombat`), a value after a blank or
 * after '='; options and arguments may be mixed; "--" ends the options.  Names are not abbreviated: a
 * script that says what it means keeps its meaning when options are added.
 */
#ifndef LK_CLI_COMMAND_H
#define LK_CLI_COMMAND_H

#include "common/base/buf.h"
#include "common/base/choice.h"
#include "common/base/err.h"

/* What lkcoord exits with; also the values of lk_wire_Outcome. */
enum lk_exit {
    LK_EXIT_OK = 0,
    LK_EXIT_BUILD_FAILED = 1,
    LK_EXIT_USAGE = 2,
    LK_EXIT_INFRASTRUCTURE = 4, /* safe to retry */
    LK_EXIT_REFUSED = 5,
    LK_EXIT_VERIFICATION_FAILED = 6,
    LK_EXIT_CANCELLED = 130,
};

enum lk_option_kind {
    LK_OPTION_FLAG, /* bool; "=true" and "=false" are understood */
    LK_OPTION_OFF,  /* the same, of a switch that is on: the bool says that it was turned off */
    LK_OPTION_CHOICE, /* enum lk_choice: as a flag, but knows whether it was given */
    LK_OPTION_TEXT,   /* const char *, borrowed from argv; the last one counts */
    LK_OPTION_LIST,   /* struct lk_words; may be given several times */
};

struct lk_words {
    size_t      count;
    const char *words[16];
};

struct lk_option {
    const char         *name;
    enum lk_option_kind kind;
    size_t              offset;   /* of the field in the command's values */
    const char         *argument; /* what help calls the value; NULL for flags */
    const char         *help;
};

/* Which coordinator a command is for. */
struct lk_target {
    const char *config; /* --config, or NULL */
    bool        local;  /* --local */
    bool        signs;  /* it must be one that signs */
};

/* What a command is given. */
struct lk_call {
    const void        *values;    /* the command's own struct, as its options fill it */
    const char *const *arguments; /* what is no option */
    size_t             count;
    struct lk_target   target;
};

struct lk_command {
    const char             *name;
    const char             *arguments; /* for the usage line: "PATH..." */
    const char             *summary;
    const char             *details; /* further lines of its help, or NULL */
    size_t                  count_min;
    size_t                  count_max;
    size_t                  values_size;
    const struct lk_option *options; /* ends with an entry without name */
    int (*run)(const struct lk_call *call);
};

/* What every command takes besides its own options. */
struct lk_common_values {
    const char *config;
    bool        local;
    bool        help;
};

/*
 * Fills `values` (zeroed by the caller) and `common`, and moves what is no option to `arguments` (room for
 * `count` pointers).  INVALID names what is wrong.
 */
int lk_command_parse(const struct lk_command *command, const char *const *words, size_t count,
                     void *values, struct lk_common_values *common, const char **arguments,
                     size_t *argument_count, struct lk_err *err);

/* The text of `lkcoord help NAME`. */
void lk_command_help(const struct lk_command *command, struct lk_buf *out);

/* Splits "a,b,c"; empty items are refused.  Calls `each` for every item. */
int lk_each_item(const char *list,
                 int (*each)(void *ctx, struct lk_str item, struct lk_err *err), void *ctx,
                 struct lk_err *err);

/* "lkcoord: ..." on stderr, one line. */
void lk_complain(const char *format, ...) LK_PRINTF(1, 2);

/* Complains with the text of `err` and says which exit code its kind asks for. */
int lk_exit_of(const struct lk_err *err);

/* The same for what the coordinator refused: wrong input is then a refusal, not a usage error. */
int lk_exit_of_refusal(const struct lk_err *err);

/* True for --output json; INVALID for anything but text and json. */
int lk_wants_json(const char *output, bool *json, struct lk_err *err);

/* Adds text that others wrote, with what could steer a terminal replaced by '?'. */
void lk_add_clean(struct lk_buf *out, struct lk_str text);

#endif
