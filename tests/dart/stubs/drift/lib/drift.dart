/// What generated code says of package:drift: the types of columns. A stand-in for type checks, without behaviour.
library;

abstract class Column<D extends Object> {}

typedef TextColumn = Column<String>;
typedef RealColumn = Column<double>;
typedef DateTimeColumn = Column<DateTime>;
typedef IntColumn = Column<int>;
