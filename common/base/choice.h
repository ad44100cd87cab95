/* choice - yes, no, or left to whoever decides next. */
#ifndef LK_CHOICE_H
#define LK_CHOICE_H

enum lk_choice {
    LK_CHOICE_NONE,
    LK_CHOICE_YES,
    LK_CHOICE_NO,
};

#endif
