    def to_dict(self, casing=betterproto.Casing.CAMEL, include_default_values=False):
        return {key: value.to_dict() for key, value in (self.fields or {}).items()}

    def from_dict(self, value):
        self.fields = {key: Value().from_dict(item) for key, item in value.items()}
        return self
