class _Recursive(betterproto.Message):
    """A message that may contain itself, for which betterproto would make defaults
    without end: such fields hold None until they are set.
    """

    _recursive = ()

    @classmethod
    def _get_field_default_gen(cls, field, meta):
        if field.name in cls._recursive:
            return lambda: None
        return super()._get_field_default_gen(field, meta)

    def _with_defaults(self, function):
        """Calls a function while the fields hold what it expects of fields not set."""
        for name in self._recursive:
            if getattr(self, name) is None:
                self.__dict__[name] = self._betterproto.cls_by_field[name]()
        result = function()
        for name in self._recursive:
            value = getattr(self, name)
            if value is not None and not value._serialized_on_wire:
                self.__dict__[name] = None
        return result

    def to_dict(self, *arguments, **options):
        return self._with_defaults(
            lambda: betterproto.Message.to_dict(self, *arguments, **options)
        )

    def from_dict(self, value):
        return self._with_defaults(lambda: betterproto.Message.from_dict(self, value))
