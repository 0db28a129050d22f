    def to_dict(self, casing=betterproto.Casing.CAMEL, include_default_values=False):
        return [value.to_dict() for value in self.values]

    def from_dict(self, value):
        self.values = [Value().from_dict(item) for item in value]
        return self
