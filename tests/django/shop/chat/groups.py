"""The names of groups of users."""


class UserGroups:
    staff = "staff"
    muted = "muted"
