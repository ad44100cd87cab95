#include "coordinator/cli/command.h"

#include "coordinator/cli/linuxkit_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct lk_option common_options[] = {
    { "config", LK_OPTION_TEXT, offsetof(struct lk_common_values, config), "FILE",
      "read this configuration instead of ~/.config/lkcoord/config.yml" },
    { "local", LK_OPTION_FLAG, offsetof(struct lk_common_values, local), NULL,
      "use a private coordinator on this machine, as where none is configured" },
    { "help", LK_OPTION_FLAG, offsetof(struct lk_common_values, help), NULL, "show this text" },
    { 0 },
};

static const struct lk_option *find(const struct lk_option *options, struct lk_str name)
{
    for (; options && options->name; options++)
        if (lk_str_eq_text(name, options->name))
            return options;
    return NULL;
}

static int unknown_option(const struct lk_command *command, struct lk_str name,
                          struct lk_err *err)
{
    const char *advice = lk_linuxkit_option_advice(name);
    const char *known[64] = { 0 };
    size_t      count = 0;

    for (const struct lk_option *o = command->options; o && o->name && count < 59; o++)
        known[count++] = o->name;
    known[count++] = "config";
    known[count++] = "local";
    known[count] = "help";

    if (advice)
        return lk_err_set(err, LK_ERR_INVALID, "--" LK_STR_FMT ", an option of linuxkit's: %s",
                          LK_STR_ARG(name), advice);

    const char *nearest = lk_nearest_word(name, known);

    if (nearest)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s has no option --" LK_STR_FMT "; did you mean --%s?",
                          command->name, LK_STR_ARG(name), nearest);
    return lk_err_set(err, LK_ERR_INVALID,
                      "%s has no option --" LK_STR_FMT "; `lkcoord help %s` lists them",
                      command->name, LK_STR_ARG(name), command->name);
}

static int set_flag(const struct lk_option *option, bool *flag, const char *value, bool on,
                    struct lk_err *err)
{
    if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
        *flag = on;
    else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
        *flag = !on;
    else
        return lk_err_set(err, LK_ERR_INVALID,
                          "--%s is a switch: leave \"=%s\" out, or write =true or =false",
                          option->name, value);
    return 0;
}

static int set_choice(const struct lk_option *option, enum lk_choice *choice, const char *value,
                      struct lk_err *err)
{
    bool flag;

    if (set_flag(option, &flag, value, true, err) < 0)
        return -1;
    *choice = flag ? LK_CHOICE_YES : LK_CHOICE_NO;
    return 0;
}

static int add_word(const struct lk_option *option, struct lk_words *list, const char *value,
                    struct lk_err *err)
{
    if (list->count == LK_COUNT(list->words))
        return lk_err_set(err, LK_ERR_INVALID, "--%s was given more than %zu times",
                          option->name, LK_COUNT(list->words));
    list->words[list->count++] = value;
    return 0;
}

static int store(const struct lk_option *option, void *values, const char *value,
                 struct lk_err *err)
{
    void *field = (char *)values + option->offset;

    switch (option->kind) {
    case LK_OPTION_FLAG: return set_flag(option, field, value, true, err);
    case LK_OPTION_OFF: return set_flag(option, field, value, false, err);
    case LK_OPTION_CHOICE: return set_choice(option, field, value, err);
    case LK_OPTION_TEXT: *(const char **)field = value; return 0;
    case LK_OPTION_LIST: return add_word(option, field, value, err);
    }
    lk_assert(false);
}

static bool is_switch(const struct lk_option *option)
{
    return option->kind == LK_OPTION_FLAG || option->kind == LK_OPTION_OFF ||
           option->kind == LK_OPTION_CHOICE;
}

/* Takes the option words[*at], with the next word if that is its value. */
static int parse_option(const struct lk_command *command, const char *const *words,
                        size_t count, size_t *at, void *values, struct lk_common_values *common,
                        struct lk_err *err)
{
    const char   *word = words[*at];
    struct lk_str name = lk_str_of(word + (word[1] == '-' ? 2 : 1));
    struct lk_str after;
    const char   *value = NULL;

    if (lk_str_split(name, '=', &name, &after))
        value = after.data;
    if (lk_str_eq_text(name, "h"))
        name = LK_STR("help");

    const struct lk_option *option = find(command->options, name);
    void                   *target = values;

    if (!option) {
        option = find(common_options, name);
        target = common;
    }
    if (!option)
        return unknown_option(command, name, err);
    if (!is_switch(option) && !value) {
        if (*at + 1 == count)
            return lk_err_set(err, LK_ERR_INVALID, "--%s needs a value: --%s %s", option->name,
                              option->name, option->argument);
        value = words[++*at];
    }
    return store(option, target, value, err);
}

static int check_count(const struct lk_command *command, size_t count, struct lk_err *err)
{
    if (count < command->count_min)
        return lk_err_set(err, LK_ERR_INVALID,
                          "something is missing: the usage is lkcoord %s [OPTION]... %s",
                          command->name, command->arguments);
    if (count > command->count_max)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%zu arguments are too many: the usage is lkcoord %s [OPTION]... %s",
                          count, command->name, command->arguments);
    return 0;
}

int lk_command_parse(const struct lk_command *command, const char *const *words, size_t count,
                     void *values, struct lk_common_values *common, const char **arguments,
                     size_t *argument_count, struct lk_err *err)
{
    bool options_over = false;

    *argument_count = 0;
    for (size_t at = 0; at < count; at++) {
        const char *word = words[at];

        if (options_over || word[0] != '-' || word[1] == '\0')
            arguments[(*argument_count)++] = word;
        else if (strcmp(word, "--") == 0)
            options_over = true;
        else if (parse_option(command, words, count, &at, values, common, err) < 0)
            return -1;
    }
    return common->help ? 0 : check_count(command, *argument_count, err);
}

static void help_options(const struct lk_option *options, struct lk_buf *out)
{
    for (; options && options->name; options++) {
        char left[64];

        snprintf(left, sizeof(left), "--%s%s%s", options->name,
                 options->kind == LK_OPTION_OFF ? "=false"
                 : options->argument            ? " "
                                                : "",
                 options->argument ? options->argument : "");
        lk_buf_printf(out, "  %-26s %s\n", left, options->help);
    }
}

void lk_command_help(const struct lk_command *command, struct lk_buf *out)
{
    lk_buf_printf(out, "usage: lkcoord %s [OPTION]... %s\n\n%s\n", command->name,
                  command->arguments, command->summary);
    if (command->details)
        lk_buf_printf(out, "%s\n", command->details);
    lk_buf_add_text(out, "\n");
    help_options(command->options, out);
    help_options(common_options, out);
}

int lk_each_item(const char *list,
                 int (*each)(void *ctx, struct lk_str item, struct lk_err *err), void *ctx,
                 struct lk_err *err)
{
    struct lk_str rest = lk_str_of(list);
    struct lk_str item;
    bool          more;

    do {
        more = lk_str_split(rest, ',', &item, &rest);
        if (!more)
            item = rest;
        if (item.len == 0)
            return lk_err_set(err, LK_ERR_INVALID, "\"%s\" has an empty item in its list",
                              list);
        if (each(ctx, item, err) < 0)
            return -1;
    } while (more);
    return 0;
}

void lk_complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("lkcoord: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static int exit_of_kind(enum lk_err_kind kind, int invalid)
{
    switch (kind) {
    case LK_ERR_INVALID:
    case LK_ERR_NOT_FOUND: return invalid;
    case LK_ERR_DENIED:
    case LK_ERR_CONFLICT:
    case LK_ERR_LIMIT: return LK_EXIT_REFUSED;
    case LK_ERR_NONE:
    case LK_ERR_RETRY:
    case LK_ERR_PERMANENT: return LK_EXIT_INFRASTRUCTURE;
    }
    return LK_EXIT_INFRASTRUCTURE;
}

/* A message of several lines is one complaint: none of them can pass for another's. */
static void complain_clean(const struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4 * LK_ERR_TEXT_MAX);
    struct lk_str                         rest = lk_str_of(err->text), line;

    while (lk_str_split(rest, '\n', &line, &rest)) {
        lk_add_clean(&text, line);
        lk_buf_add_text(&text, "\n  ");
    }
    lk_add_clean(&text, rest);
    lk_complain("%s", lk_buf_text(&text));
}

int lk_exit_of(const struct lk_err *err)
{
    complain_clean(err);
    return exit_of_kind(err->kind, LK_EXIT_USAGE);
}

int lk_exit_of_refusal(const struct lk_err *err)
{
    complain_clean(err);
    return exit_of_kind(err->kind, LK_EXIT_REFUSED);
}

int lk_wants_json(const char *output, bool *json, struct lk_err *err)
{
    *json = output && strcmp(output, "json") == 0;
    if (output && !*json && strcmp(output, "text") != 0)
        return lk_err_set(err, LK_ERR_INVALID, "--output %s is unknown: choose text or json",
                          output);
    return 0;
}

void lk_add_clean(struct lk_buf *out, struct lk_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        unsigned char next = i + 1 < text.len ? (unsigned char)text.data[i + 1] : 0;

        if (c == 0xC2 && next >= 0x80 && next < 0xA0) {
            lk_buf_add_text(out, "?"); /* a C1 control, such as CSI in one character */
            i++;
        } else if ((c < 0x20 && c != '\t') || c == 0x7F) {
            lk_buf_add_text(out, "?");
        } else {
            lk_buf_add(out, &text.data[i], 1);
        }
    }
}
