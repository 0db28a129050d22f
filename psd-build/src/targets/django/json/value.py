    def to_dict(self, casing=betterproto.Casing.CAMEL, include_default_values=False):
        kind, value = betterproto.which_one_of(self, "kind")
        if kind in ("", "null_value"):
            return None
        return value.to_dict() if kind in ("struct_value", "list_value") else value

    def from_dict(self, value):
        if value is None:
            self.null_value = NullValue.NULL_VALUE
        elif isinstance(value, bool):
            self.bool_value = value
        elif isinstance(value, (int, float)):
            self.number_value = float(value)
        elif isinstance(value, str):
            self.string_value = value
        elif isinstance(value, dict):
            self.struct_value = Struct().from_dict(value)
        else:
            self.list_value = ListValue().from_dict(value)
        return self
